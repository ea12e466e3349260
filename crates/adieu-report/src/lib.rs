//! Run records into statistics, figures and pages.
