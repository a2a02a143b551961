"""What was learnt, as a record: built, stored, read, checked against its data, measured against
others."""
