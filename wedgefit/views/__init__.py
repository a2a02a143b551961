"""What a reader sees: words, tables, pictures and pages made from a model."""
