"""Charts in other tools' formats, each with a list of what the format could not carry."""
