// One day of an LSTM for all places of a block: products with packed weights and gates in one pass, and its adjoint. The
// table of loops for each instruction set; one set is chosen when the program starts.
//
// A row (place) is computed by the same operations in the same order whatever the other rows, their number and the
// instruction set.
#pragma once

#include <cstdint>

namespace dpl {

/// Hidden units and inputs are padded with zeros to a multiple of this.
inline constexpr std::int64_t kLstmLanes = 16;
constexpr std::int64_t lstm_padded(std::int64_t n) { return (n + kLstmLanes - 1) / kLstmLanes * kLstmLanes; }

struct LstmShape {
  std::int64_t places = 0;
  std::int64_t hidden = 0;    ///< H, padded
  std::int64_t channels = 0;  ///< of the history, not padded
  std::int64_t row = 0;       ///< length of an input row: hidden + padded channels
};

/// Gates i, f, g, o stand as [4][hidden] in a row. Their adjoints of several days stand in panels [4 hidden / 64][rows][64],
/// a row a (day, place): as the products with them read them.
inline constexpr std::int64_t kLstmPanel = 64;

template <class Real>
struct LstmDay {
  LstmShape shape;
  const Real* panels;       ///< pack_forward
  const Real* place_gates;  ///< [places][4 hidden] what a place adds to its gates every day
  const Real* input;        ///< [places][row] h of the day before, then the day's channels
  const Real* cell_before;  ///< [places][hidden]
  Real* cell;               ///< [places][hidden]; may be cell_before
  Real* next_input;         ///< [places][row] its first `hidden` numbers become h
  Real* gates;              ///< [places][4 hidden] activated, for the adjoint; may be null
};

template <class Real>
struct LstmDayAdjoint {
  LstmShape shape;
  const Real* panels;             ///< pack_adjoint
  Real* gates_adjoint;            ///< panels, first row of this day: before activation
  const Real* later_gates;        ///< the same of the next day; null on the last day
  std::int64_t panel_step;        ///< numbers from panel to panel
  const Real* gates;              ///< of this day
  const Real* cell;
  const Real* cell_before;
  const Real* output_adjoint;     ///< d loss / d h of this day [places][output_width]; may be null
  const Real* last_adjoint;       ///< added to it where not null
  std::int64_t output_width;      ///< hidden without padding
  Real* cell_adjoint;             ///< [places][hidden] of this day's cell from later days; becomes that of the day before
  Real* place_gates_adjoint;      ///< [places][4 hidden] sum over days
};

/// Adds sum over rows of input[row][k] x adjoint of gate[row][g] to sum [hidden + channels][4 hidden].
template <class Real>
struct LstmWeightSum {
  LstmShape shape;
  std::int64_t rows;
  const Real* inputs;         ///< [rows][row]
  const Real* gates_adjoint;  ///< panels
  std::int64_t panel_step;
  Real* sum;
};

template <class Real>
struct LstmKernels {
  const char* instruction_set;
  /// Weights of history [4 units][channels] and state [4 units][units], rows i, f, g, o -> panels; units unpadded.
  void (*pack_forward)(const Real* history, const Real* state, std::int64_t units, std::int64_t channels, Real* panels);
  void (*pack_adjoint)(const Real* state, std::int64_t units, Real* panels);
  void (*forward)(const LstmDay<Real>& day);
  void (*adjoint)(const LstmDayAdjoint<Real>& day);
  void (*add_weights)(const LstmWeightSum<Real>& part);
};

/// Numbers in the packed weights.
constexpr std::int64_t lstm_forward_panels(std::int64_t hidden, std::int64_t channels) {
  return (hidden + channels) * 4 * hidden;
}
constexpr std::int64_t lstm_adjoint_panels(std::int64_t hidden) { return 4 * hidden * hidden; }

/// For the instruction set of the routing sweeps (DPL_ISA picks a lower one).
template <class Real>
const LstmKernels<Real>& lstm_kernels();

}  // namespace dpl
