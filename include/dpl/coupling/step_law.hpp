// A routing step of one cell, written as a row of a linear system: C1 and the known part, what follows from the solution,
// and the derivatives. The formulas are those of the physics room's headers; no loops of it are used.
#pragma once

#include <memory>
#include <span>

#include "dpl/coupling/cell_order.hpp"
#include "dpl/physics/routing.hpp"

namespace dpl {

/// What a cell knows at the start of a step.
struct CellBefore {
  double state = 0;    ///< storage [m3], or discharge [m3/s] after the floor
  double inflow = 0;   ///< discharge form: I_t [m3/s], the sum of the states upstream
  double lateral = 0;  ///< q' of the cell over the step, after the floor [m3/s]
};

/// Q = weight I + known.
struct CellRow {
  double weight = 0, known = 0;
};

struct CellAfter {
  double flow = 0;   ///< Q, not floored [m3/s]: what goes downstream
  double state = 0;  ///< at the end of the step
};

struct CellAdjoint {
  double state = 0, inflow = 0, lateral = 0;  ///< of CellBefore
};

struct StartAdjoint {
  double inflow = 0;   ///< of the inflow, through the state alone
  double lateral = 0;  ///< of the lateral inflow, through the state alone
};

/// The cells of a rank under one scheme. Rows as in CellOrder. **Local:** everything.
class StepLaw {
 public:
  virtual ~StepLaw() = default;

  /// New parameters [own reach]; forgets the gradient sums.
  virtual void set_parameters(const ReachParameters<double>& parameters) = 0;

  /// True where the state is a storage and output rows are means over steps (`conservative`); else the state is the flow.
  virtual bool storage_form() const = 0;
  /// Smallest lateral inflow of a cell and, in the discharge form, smallest state; -infinity where there is none.
  virtual double floor() const = 0;

  virtual CellRow row(Index i, const CellBefore& before) const = 0;
  /// @param inflow  I of the step (storage form) or I_{t+1} (discharge form): sum of the unfloored flows upstream
  virtual CellAfter after(Index i, const CellBefore& before, double inflow) const = 0;
  /// Adds to the gradient sums. `flow_adjoint`: of the unfloored flow, everything downstream included; `state_adjoint`: of
  /// the state at the end, storage form only.
  virtual CellAdjoint adjoint(Index i, const CellBefore& before, double inflow, double flow_adjoint,
                              double state_adjoint) = 0;
  /// Adjoint of the inflow through the state at the end alone (0 in the discharge form).
  virtual double inflow_adjoint(Index i, const CellBefore& before, double inflow, double state_adjoint) const = 0;

  /// State of a hot start; `inflow` = sum of the start flows upstream.
  virtual double start(Index i, double inflow, double lateral) const = 0;
  /// Adds to the gradient sums; 0 in the discharge form, whose start state is the start flow itself.
  virtual StartAdjoint start_adjoint(Index i, double inflow, double lateral, double state_adjoint) = 0;

  virtual void add_gradient(Index i, double& a, double& b, double& c) const = 0;
  /// Water in the cell [m3]; `inflow`: I_t, discharge form only.
  virtual double volume(Index i, double state, double inflow) const = 0;
};

std::unique_ptr<StepLaw> make_step_law(const CellOrder& cells, const ReachProperties& properties,
                                       const RoutingOptions& options);

}  // namespace dpl
