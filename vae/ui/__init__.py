"""The page: the only place that imports Gradio. One panel a file, one builder each."""
