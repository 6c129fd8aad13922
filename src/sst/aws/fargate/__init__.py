"""What services and tasks have in common: sizes, images, roles and the definition of their containers."""
from __future__ import annotations

from .containers import Common, Container, Definition, define
from .image import Image
from .sizes import Cpu, Size, size_of

__all__ = ["Common", "Container", "Cpu", "Definition", "Image", "Size", "define", "size_of"]
