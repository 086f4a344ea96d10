"""The steps, oldest first. One that has landed is never edited: ledgers exist that have taken it."""
