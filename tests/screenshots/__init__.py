"""Pictures of the pages, as README and docs show them: `make screenshots`."""
