"""PostgreSQL behind the Database seam: several writers with group commit, any number of servers on one database."""

from hookline.storage.postgres.database import PostgresDatabase

__all__ = ["PostgresDatabase"]
