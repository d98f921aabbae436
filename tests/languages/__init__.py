"""The texts in other languages than English: `make messages`, and what its tests stand on."""
