"""Settings that are checked at the start: the public address, proxies in front, media, relays."""

from __future__ import annotations

from pathlib import Path

import pytest

from web.settings import Unable, read_settings


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://exam.example.com", "https://exam.example.com"),
        ("HTTPS://Exam.Example.com:443/", "https://exam.example.com"),
        ("http://exam.example.com:443", "http://exam.example.com:443"),
        ("https://exam.example.com:8443", "https://exam.example.com:8443"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://prüfung.example", "https://xn--prfung-4ya.example"),
        ("", "http://localhost:8080"),
    ],
)
def test_the_public_address_is_kept_as_browsers_write_it(given: str, kept: str) -> None:
    settings = read_settings(public_url=given)

    assert settings.url == kept
    assert kept in settings.origins


@pytest.mark.parametrize(
    "given",
    [
        "exam.example.com",
        "//exam.example.com",
        "ftp://exam.example.com",
        "https://",
        "https://exam example.com",
        "https://exam.example.com:99999",
        "https://exam.example.com/exams",
        "https://exam.example.com?a=b",
        "https://exam.example.com#top",
        "https://ana:secret@exam.example.com",
    ],
)
def test_a_public_address_that_is_none_is_one_sentence(given: str) -> None:
    with pytest.raises(Unable) as refused:
        read_settings(public_url=given)

    assert str(refused.value) == (
        "Setting public_url: write an address like https://invigilation.example.com, "
        "without a path."
    )


def test_proxies_are_addresses_or_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVIGILATION_TRUSTED_PROXIES", '["10.0.0.5", "2001:db8::/32"]')

    networks = [str(one) for one in read_settings().proxies]

    assert networks == ["10.0.0.5/32", "2001:db8::/32"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('["proxy"]', "Setting trusted_proxies: proxy is no address or network"),
        ('["10.0.0.5/8"]', "Setting trusted_proxies: 10.0.0.5/8 is no address or network"),
        ("10.0.0.5", "Setting trusted_proxies: write a list like"),
    ],
)
def test_proxies_that_are_none_are_one_sentence(
    monkeypatch: pytest.MonkeyPatch, given: str, said: str
) -> None:
    monkeypatch.setenv("INVIGILATION_TRUSTED_PROXIES", given)

    with pytest.raises(Unable) as refused:
        read_settings()

    assert str(refused.value).startswith(said)


def test_a_settings_file_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("port 8080")
    monkeypatch.setenv("INVIGILATION_CONFIG", str(file))

    with pytest.raises(Unable, match="The settings file cannot be read"):
        read_settings()


HOW = "turn:turn.example.com:3478?transport=udp."


@pytest.mark.parametrize(
    "url",
    [
        "turn:turn.example.com",
        "turn:turn.example.com:3478?transport=udp",
        "turns:turn.example.com:443?transport=tcp",
        "turn:192.0.2.7:3478",
        "turn:[2001:db8::7]:3478",
    ],
)
def test_relays_are_turn_addresses_with_a_secret(url: str) -> None:
    settings = read_settings(turn_urls=(url,), turn_secret="s")

    assert settings.turn_urls == (url,)
    assert settings.turn_ttl_s == 6 * 3600


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"turn_urls": ("turn:a.example",)}, "Set turn_urls and turn_secret together."),
        ({"turn_secret": "s"}, "Set turn_urls and turn_secret together."),
        (
            {"turn_urls": ("stun:a.example",), "turn_secret": "s"},
            "Setting turn_urls: stun:a.example is no address like " + HOW,
        ),
        (
            {"turn_urls": ("turn:a.example?transport=sctp",), "turn_secret": "s"},
            "Setting turn_urls: turn:a.example?transport=sctp is no address like " + HOW,
        ),
        (
            {"turn_ttl_s": 60},
            "Setting turn_ttl_s: Input should be greater than or equal to 3600.",
        ),
        (
            {"media_port": 40000, "media_ports": (40000, 40999)},
            "Set media_port or media_ports, not both.",
        ),
        (
            {"media_ports": (40999, 40000)},
            "Setting media_ports: write the first and the last port, like [40000, 40999].",
        ),
        (
            {"media_port": 70000},
            "Setting media_port: Input should be less than or equal to 65535.",
        ),
    ],
)
def test_media_and_relays_that_cannot_be_are_one_sentence(
    given: dict[str, object], said: str
) -> None:
    with pytest.raises(Unable) as refused:
        read_settings(**given)

    assert str(refused.value) == said


def test_the_likeness_is_off_unless_an_operator_asks_for_it() -> None:
    assert not read_settings().likeness
    assert read_settings(likeness="dlib").likeness
    files = {"likeness_files": ("yunet.onnx", "sface.onnx"), "likeness_digests": ("0" * 64,) * 2}
    assert read_settings(likeness="sface", **files).likeness


@pytest.mark.parametrize(
    "given",
    [
        {"likeness": "sface"},
        {"likeness": "sface", "likeness_files": ("a", "b")},
        {"likeness": "sface", "likeness_files": ("a",), "likeness_digests": ("0" * 64,)},
        {"likeness": "dlib", "likeness_files": ("a", "b"), "likeness_digests": ("0", "1")},
        {"likeness": "on"},
        {"identity_processes": 0},
    ],
)
def test_a_likeness_that_cannot_be_computed_is_refused_at_the_start(
    given: dict[str, object],
) -> None:
    with pytest.raises(Unable) as refused:
        read_settings(**given)

    assert str(refused.value).startswith(("Set likeness_files", "Setting"))
