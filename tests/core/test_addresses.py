"""Which addresses may be asked."""

from __future__ import annotations

import pytest

from companion.core.addresses import host_of, may_be_asked


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://example.org/latest", True),
        ("http://127.0.0.1:8080/latest", True),
        ("http://[::1]:8/latest", True),
        ("http://localhost/latest", True),
        ("http://example.org/latest", False),
        ("http://127.0.0.1.example.org/", False),
        ("http://127.0.0.1@example.org/", False),
        ("file:///etc/passwd", False),
        ("https://", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_only_what_nobody_can_change_on_the_way_is_asked(url, may):
    assert may_be_asked(url) is may


def test_an_address_is_named_by_its_host_where_it_has_one():
    assert host_of("https://person@example.org:8443/a?b") == "example.org"
    assert (host_of("https://["), host_of("latest")) == ("https://[", "latest")
