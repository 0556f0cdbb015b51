"""The report of an evaluation: tables, JSON, Markdown, the HTML page, and result files for toolkits."""
