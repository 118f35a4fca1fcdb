"""The QR code of a lot: its GS1 Digital Link URI, error correction M, four modules of quiet zone."""

import io

import segno

QUIET = 4  # modules around the code, ISO/IEC 18004


def svg(uri: str, scale: int = 4) -> bytes:
    """A scalable picture of the code."""
    return _save(uri, "svg", scale=scale, xmldecl=False, svgclass=None, lineclass=None)


def png(uri: str, scale: int = 8) -> bytes:
    """A bitmap of the code, `scale` pixels a module."""
    return _save(uri, "png", scale=scale)


def _save(uri: str, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    segno.make(uri, error="m", boost_error=False, micro=False).save(out, kind=kind, border=QUIET, **options)
    return out.getvalue()
