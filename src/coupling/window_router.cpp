// The pipeline behind the common door, and the choice between the two.
#include "dpl/coupling/window_router.hpp"

#include <type_traits>

#include "dpl/base/error.hpp"
#include "dpl/coupling/routing_system.hpp"

namespace dpl {
namespace {

template <class Real>
class Pipeline final : public WindowRouter<Real> {
 public:
  Pipeline(const RankNetwork& network, const ReachProperties& properties, const RoutingOptions& options,
           Boundary<Real>& boundary)
      : router_(network, properties, options, boundary) {}
  Index state_size() const override { return router_.state_size(); }
  const std::vector<Index>& state_start() const override { return router_.state_start(); }
  Count output_rows(Count steps) const override { return router_.output_rows(steps); }
  void forward(const ReachParameters<Real>& parameters, const LateralInflow<Real>& inflow, Count steps,
               std::span<const Real> initial_state, std::span<const Index> probes, std::span<Real> discharge,
               bool keep_tape) override {
    router_.forward(parameters, inflow, steps, initial_state, probes, discharge, keep_tape);
  }
  void leave_out_pieces(std::vector<std::uint8_t> wanted) override { router_.leave_out_pieces(std::move(wanted)); }
  const std::vector<Real>& final_state() const override { return router_.final_state(); }
  void adjoint(std::span<const Real> seed, ReachParameters<Real>& gradient, std::span<Real> inflow_adjoint) override {
    router_.adjoint(seed, gradient, inflow_adjoint);
  }
  void keep_water_balance(bool keep) override { router_.keep_water_balance(keep); }
  const WaterBalance& water_balance() const override { return router_.water_balance(); }
  std::pair<Count, std::vector<Index>> first_not_finite() const override { return router_.first_not_finite(); }
  Count tape_bytes(Count steps) const override { return router_.tape_bytes(steps); }

 private:
  Router<Real> router_;
};

}  // namespace

template <class Real>
std::unique_ptr<WindowRouter<Real>> make_window_router(const std::string& solver, const Communicator& comm,
                                                       const RankNetwork& network, const ReachProperties& properties,
                                                       const RoutingOptions& options, Boundary<Real>& boundary) {
  if (solver == "krylov") {
    if constexpr (std::is_same_v<Real, double>)
      return std::make_unique<RoutingSystem>(comm, network, properties, options);
    else
      fail("routing.solver is krylov, which needs precision double; set precision: double or routing.solver: pipeline");
  }
  if (solver != "pipeline") fail("routing.solver is '{}'; allowed are pipeline and krylov", solver);
  std::unique_ptr<WindowRouter<Real>> router;
  agree(comm, "routing set-up",
        [&] { router = std::make_unique<Pipeline<Real>>(network, properties, options, boundary); });
  return router;
}

template std::unique_ptr<WindowRouter<float>> make_window_router(const std::string&, const Communicator&,
                                                                 const RankNetwork&, const ReachProperties&,
                                                                 const RoutingOptions&, Boundary<float>&);
template std::unique_ptr<WindowRouter<double>> make_window_router(const std::string&, const Communicator&,
                                                                  const RankNetwork&, const ReachProperties&,
                                                                  const RoutingOptions&, Boundary<double>&);

}  // namespace dpl
