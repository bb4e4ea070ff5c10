"""Thirty simulated days of every benign and every faulty world of one adapter."""
