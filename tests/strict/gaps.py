"""Rows that moto can't hold, and why: they live over the emulator of stage ``local`` alone."""
from __future__ import annotations

__all__ = ["MOTO_GAPS"]

MOTO_GAPS: dict[str, str] = {}
