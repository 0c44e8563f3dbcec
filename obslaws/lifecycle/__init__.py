"""The life of a snapshot: refreshed from live sources, validated, compared with another one, given away.

In: the newest snapshot and what `obslaws.fetching` brings. Out: a new dated folder in the user's data, or a report of
why not; the old ones are never touched.
"""
