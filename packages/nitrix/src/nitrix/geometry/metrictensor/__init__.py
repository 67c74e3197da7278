"""Space measured by a metric tensor at each point: fields of metrics, quadratic forms, lengths of segments."""

# Fields of metrics.
from nitrix.geometry.metrictensor.field import (
    metric_tensor_field_diag_plus_low_rank as metric_tensor_field_diag_plus_low_rank,
)

# Squared lengths of vectors under a metric.
from nitrix.geometry.metrictensor.form import quadratic_form as quadratic_form
from nitrix.geometry.metrictensor.form import (
    quadratic_form_low_rank_plus_diag as quadratic_form_low_rank_plus_diag,
)

# Along line segments.
from nitrix.geometry.metrictensor.segment import integrate_along_line_segment as integrate_along_line_segment
from nitrix.geometry.metrictensor.segment import sample_along_line_segment as sample_along_line_segment
