"""Who holds a company's session: this gateway among those that share its database, or its data directory."""
