"""What pytest-memray says of one handler: run by ``corpus.py`` with the case in the environment."""

import os

import pytest
from corpus_child import REQUESTS, WARM_UP, sender

send = sender(os.environ["CORPUS_APPLICATION"], os.environ["CORPUS_PATH"])
send(WARM_UP)


@pytest.mark.limit_leaks("1 KB")
def test_case() -> None:
    send(REQUESTS)
