"""The tests have a stage of their own: a token of theirs makes sure of that."""
import pytest

TOKEN = 'a "token" of tests'


@pytest.fixture(scope="session")
def sst_secrets() -> dict[str, str]:
    return {"UploadToken": TOKEN}


@pytest.fixture(scope="session")
def token() -> str:
    return TOKEN
