"""The database. Its pool notices connections that a restart of the server has cut."""
from sqlalchemy import create_engine

from sst import Resource

engine = create_engine(Resource.Database.connectionString.replace("postgresql://", "postgresql+psycopg://", 1),
                       pool_pre_ping=True, pool_size=5)
