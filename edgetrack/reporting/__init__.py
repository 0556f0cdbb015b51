"""The report kit: tables, an HTML page that stands alone, charts, and facts about the machine."""
