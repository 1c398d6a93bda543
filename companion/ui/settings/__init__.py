"""Forms made from structs."""
