// Runs the runoff model on a reference file.
#include "dpl/experiments/verify_runoff.hpp"

#include "dpl/physics/unit_hydrograph.hpp"

namespace dpl {
namespace {

template <class Real>
std::vector<Real> as(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

template <class Real>
class CaseRun {
 public:
  explicit CaseRun(const RunoffReferenceCase& c)
      : c_(c),
        model_(c.options),
        days_(static_cast<Count>(c.precipitation_mm_day.size())),
        P_(as<Real>(c.precipitation_mm_day)),
        T_(as<Real>(c.temperature_degc)),
        PET_(as<Real>(c.pet_mm_day)),
        a_(static_cast<Real>(c.route_a * kHydrographLargestA)),
        b_(static_cast<Real>(c.route_b * kHydrographLargestB)) {
    for (std::size_t k = 0; k < c.positions.size(); ++k) {
      const RunoffParameter& p = model_.parameters()[k];
      fixed_.push_back(static_cast<Real>(p.lower + c.positions[k] * (p.upper - p.lower)));
    }
  }

  std::vector<Deviation> compare() {
    std::vector<Real> runoff(days_), ET(days_), routed(days_);
    RunoffSeries<Real> outputs;
    outputs[static_cast<int>(RunoffOutput::evapotranspiration)] = ET;
    model_.forward(forcing(0, days_), {fixed_, {}}, {}, runoff, outputs, 0);
    const UnitHydrograph<Real> hydrograph({&a_, 1}, {&b_, 1}, c_.options.device);
    hydrograph.forward(runoff, routed);
    const auto gradient = gradient_of(hydrograph, runoff, routed);
    double J = 0;
    for (Real q : routed) J += static_cast<double>(q) * static_cast<double>(q) / static_cast<double>(days_);
    add("runoff", runoff, c_.runoff);
    add("evapotranspiration", ET, c_.evapotranspiration);
    add("routed runoff", routed, c_.routed_runoff);
    std::vector<double> expected;
    for (const auto& row : c_.states) expected.insert(expected.end(), row.begin(), row.end());
    add("states", states(), expected);
    out_.push_back({"J", deviation_of_array({J}, {c_.J}), value_tolerance()});
    out_.push_back({"dJ/dparameters", deviation_of_array(gradient, c_.gradient), sizeof(Real) == 8 ? 1e-8 : 2e-4});
    return out_;
  }

 private:
  static double value_tolerance() { return sizeof(Real) == 8 ? 1e-9 : 2e-5; }
  RunoffForcing<Real> forcing(Count day, Count days) const {
    return {P_.data() + day, T_.data() + day, PET_.data() + day, days};
  }

  void add(const std::string& name, const std::vector<Real>& values, const std::vector<double>& expected) {
    const std::vector<double> ours(values.begin(), values.end());
    out_.push_back({name, deviation_of_array(ours, expected), value_tolerance()});
    if (sizeof(Real) == 8) out_.push_back({name + ", each", deviation_one_by_one(ours, expected), value_tolerance()});
  }

  // By position in the range: parameters, then a, b.
  std::vector<double> gradient_of(const UnitHydrograph<Real>& hydrograph, const std::vector<Real>& runoff,
                                  const std::vector<Real>& routed) {
    std::vector<Real> seed(days_), runoff_adjoint(days_), fixed(fixed_.size());
    for (Count t = 0; t < days_; ++t) seed[t] = Real(2) * routed[t] / static_cast<Real>(days_);
    Real a = 0, b = 0;
    hydrograph.adjoint(runoff, seed, runoff_adjoint, {&a, 1}, {&b, 1});
    model_.adjoint(runoff_adjoint, {}, {fixed, {}, {}});
    std::vector<double> gradient;
    for (std::size_t k = 0; k < fixed.size(); ++k) {
      const RunoffParameter& p = model_.parameters()[k];
      gradient.push_back(static_cast<double>(fixed[k]) * (p.upper - p.lower));
    }
    gradient.push_back(static_cast<double>(a) * kHydrographLargestA);
    gradient.push_back(static_cast<double>(b) * kHydrographLargestB);
    return gradient;
  }

  // After each day: every day is a window that begins with the state of the one before (the same bits as one window).
  std::vector<Real> states() {
    Runoff<Real> model(c_.options);
    std::vector<Real> all, state;
    Real runoff = 0;
    for (Count t = 0; t < days_; ++t) {
      model.forward(forcing(t, 1), {fixed_, {}}, state, {&runoff, 1}, {}, Runoff<Real>::kNoTape);
      state.assign(model.final_states().begin(), model.final_states().end());
      all.insert(all.end(), state.begin(), state.end());
    }
    return all;
  }

  const RunoffReferenceCase& c_;
  Runoff<Real> model_;
  Count days_;
  std::vector<Real> P_, T_, PET_, fixed_;
  Real a_, b_;
  std::vector<Deviation> out_;
};

}  // namespace

template <class Real>
std::vector<Deviation> compare_runoff(const RunoffReferenceCase& c) {
  return CaseRun<Real>(c).compare();
}

template std::vector<Deviation> compare_runoff<float>(const RunoffReferenceCase&);
template std::vector<Deviation> compare_runoff<double>(const RunoffReferenceCase&);

}  // namespace dpl
