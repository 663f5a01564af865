"""Whether the bytes of a file are text, and what they are when they are not.

Absence of text is no proof of harmlessness: a shell runs a script with a NUL in it, and compilers read UTF-16. So bytes are
decoded where something would read them as text; magic numbers only tell pictures, fonts and archives from programs.
Sources of the magic numbers: PNG (RFC 2083), JPEG (ITU T.81), GIF89a, RIFF, TIFF 6.0, ISO base media (``ftyp``), WOFF (W3C),
OpenType, PDF (ISO 32000), ZIP (APPNOTE), gzip (RFC 1952), bzip2, xz, Zstandard (RFC 8878), 7z, RAR, ustar (POSIX), Ogg
(RFC 3533), FLAC, ID3, Matroska, SQLite file format, NumPy, Parquet, HDF5, gettext (``.mo``); ELF, PE (``MZ``), Mach-O,
WebAssembly, Java class, Python bytecode (PEP 3147, PEP 552), Dalvik (``dex``), LLVM bitcode, Lua, ar(5),
RPM, SWF.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from bot.guardrails import classify
from bot.model.dataclass import dataclass
from bot.model.patterns import regex

LINK: Final = 0o120000
"""Git's mode of a symbolic link."""
SUBMODULE: Final = 0o160000
"""Git's mode of a submodule."""
_EXECUTABLE: Final = 0o100755
_PROGRAM: Final = regex(
    rb"\x7fELF|.\x0d\r\n[\0-\x03]\0\0\0|MZ.{58,62}|\xca\xfe\xba\xbe|\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe|\0asm|"
    rb"dex\n0\d\d\0|BC\xc0\xde|\x1bLua|!<arch>\n|\xed\xab\xee\xdb|[CFZ]WS[\x03-\x32]",
    re.DOTALL,
)
_HARMLESS: Final = regex(
    rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a|RIFF....(?:WEBP|WAVE|AVI )|BM.{12}\0\0|\0\0[\x01\x02]\0[\x01-\x40]|II\*\0|MM\0\*|"
    rb"....ftyp|8BPS|wOF[F2]|OTTO|\0\x01\0\0|ttcf|true\0|%PDF-|PK(?:\x03\x04|\x05\x06|\x07\x08)|\x1f\x8b\x08|BZh[1-9]|\xfd7zXZ\0|"
    rb"\x28\xb5\x2f\xfd|7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|.{257}ustar|OggS|fLaC|ID3|\xff[\xfb\xf3\xf2]|\x1a\x45\xdf\xa3|"
    rb"SQLite format 3\0|\x93NUMPY|PAR1|\x89HDF\r\n|icns|"
    rb"\xde\x12\x04\x95|\x95\x04\x12\xde",
    re.DOTALL,
)
_ARCHIVE: Final = b"PK"
_PACKAGE: Final = regex(
    r"\.(?:jar|war|ear|aar|apk|aab|ipa|whl|egg|xpi|vsix|nupkg|phar|docm|xlsm|pptm)\Z", re.IGNORECASE
)
_PACKED: Final = regex(rb".{30}(?:META-INF/|AndroidManifest\.xml|classes\.dex|BOOT-INF/)", re.DOTALL)
"""What the first file of an archive is called that is run as it is (APPNOTE, 4.3.7; JAR File Specification)."""
_BOMS: Final = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_SHOWN: Final = regex(
    r"\.(?:png|jpe?g|gif|webp|avif|heic|bmp|ico|tiff?|psd|woff2?|ttf|otf|eot|mp[34]|m4a|mov|avi|mkv|webm|wav|ogg|flac|pdf)\Z",
    re.IGNORECASE,
)
"""Names of what is only shown or played: whatever opens such a file by its name runs nothing of it, also where it is broken."""
_SAMPLE: Final = 8000
_HALF: Final = 0.3
"""Such a share of NULs at every second byte is text in UTF-16: of Latin letters nearly all are."""
_CONTROL: Final = bytes([*range(1, 8), *range(14, 27), *range(28, 32), 127])
_RARE: Final = 0.05
_BEYOND: Final = bytes(range(128, 256))
_LINE: Final = regex(rb"(?:\A|\n)[ -~\t]{6,}\r?\n")
"""A line of text. A shell runs what the system cannot, also behind the magic number of a picture (POSIX, "Command Search and
Execution").
"""


class Nature(StrEnum):
    """What a file without text is, as far as its bytes tell."""

    HARMLESS = "harmless"
    """A picture, font, archive, recording or data file by its magic number; a submodule; a link."""
    PROGRAM = "program"
    """Something that runs, and that nobody can read."""
    PACKAGE = "package"
    """An archive that is run or installed as it is: of Java, Python, Android, an editor."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Contents:
    """The text of a side, or why there is none."""

    text: str | None
    nature: Nature = Nature.HARMLESS
    reason: str = ""


def read(data: bytes, path: str, mode: int) -> Contents:
    """The text of a file with these bytes. Linear in them."""
    if mode == LINK:
        return Contents(None, reason="a symbolic link")
    for bom, encoding in _BOMS:
        if data.startswith(bom) and b"\0" in data and not _is_eight_bit(data):
            return Contents(data.decode(encoding, "replace").removeprefix("\ufeff"))
    if b"\0" not in data:
        return Contents(data.decode("utf-8", "replace").removeprefix("\ufeff"))
    if (wide := _wide(data)) is not None:
        return Contents(data.decode(wide, "replace"))
    if _is_read_as_text(data, path, mode):
        return Contents(data.replace(b"\0", b"").decode("utf-8", "replace"))  # as a shell skips them
    return Contents(None, nature(data, path, mode), "binary")


def nature(start: bytes, path: str, mode: int) -> Nature:
    """What a binary file is by its first bytes, and where they say nothing by its name, unless it may be run."""
    if _PROGRAM.match(start) or start.startswith(b"#!"):
        return Nature.PROGRAM
    if start.startswith(_ARCHIVE) and (_PACKAGE.search(path) or _PACKED.match(start)):
        return Nature.PACKAGE
    is_shown = mode != _EXECUTABLE and _SHOWN.search(path) is not None
    return Nature.HARMLESS if is_shown or _HARMLESS.match(start) else Nature.UNKNOWN


def _is_read_as_text(data: bytes, path: str, mode: int) -> bool:
    """Whether some program reads the file as text in spite of the NULs in it: by its name, its first line, or its rest."""
    if _PROGRAM.match(data):
        return False
    if data.startswith(b"#!") or classify.is_code(classify.language(path)):
        return True
    if _HARMLESS.match(data):
        return mode == _EXECUTABLE and _LINE.search(data) is not None
    if mode == _EXECUTABLE or classify.language(path) is not None:
        return True
    sample = data[:_SAMPLE]
    return len(sample) - len(sample.translate(None, _CONTROL + b"\0")) < _RARE * len(sample)


def _is_eight_bit(data: bytes) -> bool:
    """Whether a text only begins like UTF-16: what runs it line by line stumbles over the mark alone."""
    sample = data[2:_SAMPLE]
    plain = sample.translate(None, _CONTROL + _BEYOND)
    return sample.count(0) < _RARE * len(sample) and len(plain) > (1 - _RARE) * len(sample)


def _wide(data: bytes) -> str | None:
    """UTF-16 without a byte order mark, told by where the NULs stand."""
    sample = data[:_SAMPLE]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = max(len(sample) // 2, 1)
    if max(even, odd) < _HALF * half or min(even, odd) > 0:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"
