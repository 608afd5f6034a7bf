"""Is this code genuine, and may it be shown here and now? Pure: see FORMAT.md."""
