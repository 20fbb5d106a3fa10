"""What the station decides and says: the charging workflow, its journal, the supplier and the broker."""
