"""Figures and tables for people, made of the same functions that anyone can call."""
