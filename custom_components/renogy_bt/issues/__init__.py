"""Repair issues: each is raised and cleared here."""
