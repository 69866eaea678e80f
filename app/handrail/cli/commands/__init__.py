"""The subcommands, one module for each family; imported only when one of them is called."""
