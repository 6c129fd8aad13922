"""Where the receipt of an order lies."""
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("orders", sa.Column("receipt", sa.String(200)))


def downgrade() -> None:
    op.drop_column("orders", "receipt")
