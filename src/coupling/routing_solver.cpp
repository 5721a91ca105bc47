// The two ways of solving the steps of a window, by name.
#include "dpl/coupling/routing_solver.hpp"

#include <type_traits>

#include "dpl/base/error.hpp"
#include "dpl/coupling/routing_system.hpp"

namespace dpl {

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
        [&] { router = std::make_unique<Router<Real>>(network, properties, options, boundary); });
  return router;
}

template std::unique_ptr<WindowRouter<float>> make_window_router(const std::string&, const Communicator&,
                                                                 const RankNetwork&, const ReachProperties&,
                                                                 const RoutingOptions&, Boundary<float>&);
template std::unique_ptr<WindowRouter<double>> make_window_router(const std::string&, const Communicator&,
                                                                  const RankNetwork&, const ReachProperties&,
                                                                  const RoutingOptions&, Boundary<double>&);

}  // namespace dpl
