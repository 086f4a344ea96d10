"""One module per page: ``build(view) -> Page``. Here: queries on published marts, windows, words. Not here: HTML."""
