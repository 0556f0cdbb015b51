"""Building blocks of reports: tables, self-contained HTML pages, charts, and facts about the machine."""
