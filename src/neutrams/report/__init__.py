"""Records of runs, their figures and tables, and one self-contained HTML page."""

from neutrams.report.data import ReportData, RunRecord, from_json, to_json

__all__ = ["ReportData", "RunRecord", "from_json", "to_json"]
