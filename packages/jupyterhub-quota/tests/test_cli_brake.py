"""`brake`, where it cannot be asked. What it does is tested with the service."""

import pytest

from jupyterhub_quota.cli import main


@pytest.fixture
def brake(monkeypatch, capsys):
    """Run the command with this token, or without any."""

    def run(*arguments, token="s3cret"):  # noqa: S107 - made up
        monkeypatch.delenv("JUPYTERHUB_API_TOKEN", raising=False)
        if token is not None:
            monkeypatch.setenv("JUPYTERHUB_API_TOKEN", token)
        return main(["brake", *arguments]), *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    "url", ["", "hub.example.org/services/quota", "ftp://hub.example.org/", "http://hub:port/", "https://a:pw0rd@hub/"]
)
def test_a_wrong_address_is_wrong_input(brake, url):
    """It is not repeated, since it may hold a password."""
    code, out, err = brake("--service", url)

    assert (2, "") == (code, out)
    assert "--service: the address" in err
    assert "pw0rd" not in err


@pytest.mark.parametrize("token", [None, "", "two\nlines", "ünicode"])
def test_without_a_token_that_can_be_sent_is_wrong_input(brake, token):
    code, out, err = brake("--service", "http://127.0.0.1:9/", token=token)

    assert (2, "") == (code, out)
    assert "token" in err
    assert "lines" not in err


def test_a_file_without_a_token_is_wrong_input(brake, tmp_path):
    """It is not made up for by the variable."""
    (tmp_path / "token").write_text("\n")

    for name in ("token", "not there"):
        assert 2 == brake("--service", "http://127.0.0.1:9/", "--token-file", str(tmp_path / name))[0]


def test_a_service_that_is_away_is_not_known(brake):
    """Nothing listens on port 9."""
    assert (3, "", "Not known: the service cannot be reached\n") == brake("--service", "http://127.0.0.1:9/q")
