"""Applications under real servers, with and without the middleware."""
