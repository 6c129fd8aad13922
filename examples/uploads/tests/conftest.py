"""The tests deploy to a stage of their own, with a token of their own."""
import pytest

TOKEN = 'a "token" of tests'


@pytest.fixture(scope="session")
def sst_secrets() -> dict[str, str]:
    return {"UploadToken": TOKEN}


@pytest.fixture(scope="session")
def token() -> str:
    return TOKEN
