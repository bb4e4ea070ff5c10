"""Custom components of Home Assistant; this repository holds one."""
