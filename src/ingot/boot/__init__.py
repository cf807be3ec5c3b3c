"""Does the kernel boot? A guest is started, its init reports, the report is judged."""
