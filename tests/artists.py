"""What has been drawn."""


def legend_texts(ax):
    """Entries of a legend."""
    return [text.get_text() for text in ax.get_legend().get_texts()]
