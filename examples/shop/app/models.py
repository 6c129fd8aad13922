from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import String, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    item: Mapped[str] = mapped_column(String(80))
    quantity: Mapped[int]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    receipt: Mapped[str | None] = mapped_column(String(200))
