"""What may be wrong with the words of a turn: damaged encoding, markers of chat templates, things nobody should learn."""

from __future__ import annotations

import re
from typing import Final

from ftfy import fix_encoding

from companion.workshop.data.cleaning.step import TextStep

_MARKERS: Final = re.compile(
    r"<\|[A-Za-z][\w ./:-]{0,40}\|>|<｜[^｜>]{1,40}｜>|</?s>|<(?:unk|pad|bos|eos|eot|mask)>|\[/?INST\]|<</?SYS>>"
    r"|<(?:start|end)_of_turn>|\[/?(?:SYSTEM_PROMPT|AVAILABLE_TOOLS)\]"
)
"""Control tokens of the model families that llama.cpp runs, as they are spelled in leaked or badly exported data."""
_CONTROLS: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2060\ufeff\ufffe\uffff]")
"""Colours of terminals and characters that show nothing. The joiners of emoji and scripts (U+200C, U+200D) stay."""
_EMAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})*\.[A-Za-z]{2,24}(?![\w-])")
_PHONE: Final = re.compile(
    r"(?<![\w.,:/-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{1,5}\)[ .-]?)?\d{2,5}(?:[ .-]?\d{2,5}){1,5}(?![\w:/-]|[.,]\d)"
)
_DATE: Final = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[.-]\d{1,2}[.-]\d{2,4}|\d{4}-\d{4}")
_KEY: Final = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.{0,8000}?-----END [A-Z ]{0,30}PRIVATE KEY-----"
    r"|\b(?:sk|pk|rk)[-_](?:[A-Za-z]{2,10}[-_])?[A-Za-z0-9_-]{16,200}\b|\bgh[opsur]_[A-Za-z0-9]{20,255}\b|\bhf_[A-Za-z0-9]{20,100}\b"
    r"|\bgithub_pat_\w{20,255}\b|\bAKIA[0-9A-Z]{16}\b|\bAIza[\w-]{35}\b|\bxox[abprs]-[\w-]{10,200}\b"
    r"|\beyJ[\w-]{10,2000}\.[\w-]{10,4000}\.[\w-]{10,1000}|\b[0-9a-fA-F]{40,128}\b",
    re.DOTALL,
)
_PHONE_DIGITS: Final = (7, 15)
"""E.164 allows 15; shorter numbers than 7 are rarely somebody's."""


def encoding_step() -> TextStep:
    """Text that was read in the wrong encoding once ("schÃ¶n"): ftfy turns it back where that is certain."""
    return TextStep("encoding", "1 turn had damaged characters.", "{} turns had damaged characters.", _mended)


def marker_step() -> TextStep:
    """Control tokens and invisible characters, which belong to templates and terminals and to nobody's words."""
    one, many = "1 turn held control tokens or invisible characters.", "{} turns held control tokens or invisible characters."
    return TextStep("markers", one, many, without_markers)


def mask_steps(masks: tuple[str, ...]) -> list[TextStep]:
    """Only those that were asked for; keys first, since a number inside of one is no phone number."""
    steps = {
        "key": ("1 turn held a key or password of a service.", "{} turns held keys or passwords of services.", mask_keys),
        "email": ("1 turn held an e-mail address.", "{} turns held e-mail addresses.", mask_emails),
        "phone": ("1 turn held a phone number.", "{} turns held phone numbers.", mask_phones),
    }
    return [TextStep(name, one, many, change) for name, (one, many, change) in steps.items() if name in masks]


def without_markers(text: str) -> str:
    if not (_MARKERS.search(text) or _CONTROLS.search(text)):
        return text
    return re.sub(r"[ \t]{2,}", " ", _MARKERS.sub("", _CONTROLS.sub("", text))).strip()


def mask_emails(text: str) -> str:
    return _EMAIL.sub("[e-mail]", text) if "@" in text else text


def mask_keys(text: str) -> str:
    return _KEY.sub("[key]", text)


def mask_phones(text: str) -> str:
    def masked(found: re.Match[str]) -> str:
        number = found.group()
        digits = sum(character.isdigit() for character in number)
        least, most = _PHONE_DIGITS
        grouped = any(not character.isdigit() for character in number) or number.startswith("0")
        return "[phone]" if least <= digits <= most and grouped and not _DATE.fullmatch(number) else number

    return _PHONE.sub(masked, text)


def _mended(text: str) -> str:
    return text if text.isascii() else fix_encoding(text)
