"""From a file to numbers: reading tables, the roles of their columns, and the encoding that a model
remembers."""
