// One day of an LSTM for all places of a block: products with packed weights and gates in one pass, and its adjoint.
// The table of loops for each instruction set; one set is chosen when the program starts.
//
// Products are of single, double or bfloat16 factors; bfloat16 (8 bits of mantissa) ones are added in single precision,
// two at a time, by processors that have the instruction.
//
// A row (place) is computed by the same operations in the same order whatever the other rows, their number and the
// instruction set.
#pragma once

#include <cstdint>

namespace dpl {

/// Hidden units and inputs are padded with zeros to a multiple of this.
///
/// What belongs to a place and a unit stands in strips of so many units: cells [hidden / 16][places][16], gates
/// [hidden / 16][places][4][16], i, f, g, o. Sweeps read and write them from one end to the other.
inline constexpr std::int64_t kLstmLanes = 16;
constexpr std::int64_t lstm_padded(std::int64_t n) { return (n + kLstmLanes - 1) / kLstmLanes * kLstmLanes; }

/// Numbers of a pass: `Real` of gates and sums, `Factor` of the products, which read `kPairs` of them at once.
struct LstmSingle {
  using Real = float;
  using Factor = float;
  static constexpr std::int64_t kPairs = 1;
};
struct LstmDouble {
  using Real = double;
  using Factor = double;
  static constexpr std::int64_t kPairs = 1;
};
struct LstmBf16 {
  using Real = float;
  using Factor = std::uint16_t;  ///< upper half of a float
  static constexpr std::int64_t kPairs = 2;
};

struct LstmShape {
  std::int64_t places = 0;
  std::int64_t hidden = 0;    ///< H, padded
  std::int64_t channels = 0;  ///< of the history, not padded
  std::int64_t row = 0;       ///< length of an input row: hidden + padded channels
};

/// The adjoints of gates of several days stand in panels [4 hidden / 64][rows][64], a row a (day, place), in a row
/// [4][hidden]: as the products with them read them.
inline constexpr std::int64_t kLstmPanel = 64;

template <class Numbers>
struct LstmDay {
  using Real = typename Numbers::Real;
  using Factor = typename Numbers::Factor;
  LstmShape shape;
  const Factor* panels;     ///< pack_forward
  const Real* place_gates;  ///< strips: what a place adds to its gates every day
  const Factor* input;      ///< [places][row] h of the day before, then the day's channels
  const Real* cell_before;  ///< strips
  Real* cell;               ///< strips; may be cell_before
  Factor* next_input;       ///< [places][row] its first `hidden` numbers become h
  Real* output;             ///< [places][hidden] h, where factors are not of type Real; else null
  Real* gates;              ///< strips: activated, for the adjoint; may be null
  Real* scratch;            ///< [places][64]
};

template <class Numbers>
struct LstmDayAdjoint {
  using Real = typename Numbers::Real;
  using Factor = typename Numbers::Factor;
  LstmShape shape;
  const Factor* panels;       ///< pack_adjoint
  Factor* gates_adjoint;      ///< panels, first row of this day: before activation
  const Factor* later_gates;  ///< the same of the next day; null on the last day
  std::int64_t panel_step;    ///< numbers from panel to panel
  const Real* gates;          ///< of this day
  const Real* cell;
  const Real* cell_before;
  const Real* output_adjoint;  ///< d loss / d h of this day [places][output_width]; may be null
  const Real* last_adjoint;    ///< added to it where not null
  std::int64_t output_width;   ///< hidden without padding
  Real* cell_adjoint;          ///< strips: of this day's cell from later days; becomes that of the day before
  Real* place_gates_adjoint;   ///< strips: sum over days
  Real* scratch;               ///< [places][64]
};

/// Adds sum over rows of input[row][k] x adjoint of gate[row][g] to sum [hidden + channels][4 hidden].
template <class Numbers>
struct LstmWeightSum {
  using Real = typename Numbers::Real;
  using Factor = typename Numbers::Factor;
  LstmShape shape;
  std::int64_t rows;
  const Factor* inputs;         ///< [rows][row]
  const Factor* gates_adjoint;  ///< panels
  std::int64_t panel_step;
  Real* sum;
  Factor* scratch;  ///< lstm_scratch numbers
};

template <class Numbers>
struct LstmKernels {
  using Real = typename Numbers::Real;
  using Factor = typename Numbers::Factor;
  const char* instruction_set;
  /// Weights of history [4 units][channels] and state [4 units][units], rows i, f, g, o -> panels; units unpadded.
  void (*pack_forward)(const Real* history, const Real* state, std::int64_t units, std::int64_t channels,
                       Factor* panels);
  void (*pack_adjoint)(const Real* state, std::int64_t units, Factor* panels);
  void (*forward)(const LstmDay<Numbers>& day);
  void (*adjoint)(const LstmDayAdjoint<Numbers>& day);
  void (*add_weights)(const LstmWeightSum<Numbers>& part);
};

/// Inputs of a row that products read: whole pairs.
template <class Numbers>
constexpr std::int64_t lstm_depth(std::int64_t hidden, std::int64_t channels) {
  return hidden + (channels + Numbers::kPairs - 1) / Numbers::kPairs * Numbers::kPairs;
}

/// Numbers in the packed weights.
template <class Numbers>
constexpr std::int64_t lstm_forward_panels(std::int64_t hidden, std::int64_t channels) {
  return lstm_depth<Numbers>(hidden, channels) * 4 * hidden;
}
constexpr std::int64_t lstm_adjoint_panels(std::int64_t hidden) { return 4 * hidden * hidden; }

/// Rows that add_weights takes at a time: their part of a panel stays in the first-level cache.
inline constexpr std::int64_t kLstmRowBlock = 128;
constexpr std::int64_t lstm_scratch(std::int64_t row) { return kLstmRowBlock * (row + kLstmPanel); }

/// For the instruction set of the routing sweeps (DPL_ISA picks a lower one). LstmBf16: Error where the processor or
/// the chosen set has no such products.
template <class Numbers>
const LstmKernels<Numbers>& lstm_kernels();

/// Whether lstm_kernels<LstmBf16>() gives kernels here.
bool has_bf16_products();

}  // namespace dpl
