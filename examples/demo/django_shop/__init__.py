"""The shop as a Django project, with one line of Pympler and two bugs."""
