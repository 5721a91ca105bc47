// Numbering over the ranks, preallocated matrices, refined Krylov solution.
#include "dpl/coupling/river_matrix.hpp"

#include <petscksp.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "dpl/base/error.hpp"
#include "dpl/coupling/boundary_exchange.hpp"
#include "dpl/coupling/petsc_call.hpp"

namespace dpl {
namespace {

constexpr double kInnerTolerance = 1e-8;     // of GMRES; refinement does the rest
constexpr double kRounding = 4.5e-16;        // largest row residual over its terms that is left as rounding
constexpr double kAccepted = 1e-13;          // where refinement stalls above kRounding: still a solution below this
constexpr int kRefinements = 40;
constexpr PetscInt kRestart = 60;            // vectors GMRES keeps

// A failed call of one rank becomes everyone's Error, as long as the others come back from it.
template <class Call>
void together(const Communicator& comm, Call call) {
  std::string message;
  try {
    call();
  } catch (const Error& error) {
    message = error.what();
  }
  agree(comm, "routing system", [&] {
    if (!message.empty()) fail("routing system: {}; with routing.solver: pipeline no system is solved", message);
  });
}

// A PETSc vector over somebody else's numbers, for the time of a call.
class Placed {
 public:
  Placed(Vec vec, std::span<const double> values) : vec_(vec) {
    petsc_check(VecPlaceArray(vec_, values.data()), "VecPlaceArray");
  }
  ~Placed() { static_cast<void>(VecResetArray(vec_)); }
  Placed(const Placed&) = delete;

 private:
  Vec vec_;
};

}  // namespace

struct RiverMatrix::Impl {
  Communicator comm;
  Index rows;
  std::vector<Index> upstream_start;
  Mat drains = nullptr, system = nullptr;      // N and Id - diag(C1) N
  KSP ksp = nullptr;
  Vec in = nullptr, out = nullptr;
  std::vector<double> c1, entries, residual, correction, product, size, work;
  Count iterations = 0;

  Impl(const Communicator& communicator, const CellOrder& cells)
      : comm(communicator), rows(cells.rows()), upstream_start(cells.upstream_start), c1(rows, 0.0) {
    for (auto* values : {&residual, &correction, &product, &size, &work}) values->resize(rows);
  }

  ~Impl() {
    PetscBool finalized = PETSC_FALSE;
    if (PetscFinalized(&finalized) != 0 || finalized) return;
    static_cast<void>(KSPDestroy(&ksp));
    static_cast<void>(MatDestroy(&system));
    static_cast<void>(MatDestroy(&drains));
    static_cast<void>(VecDestroy(&in));
    static_cast<void>(VecDestroy(&out));
  }

  // Rows of the ghosts in the numbering of all ranks: the rank above offers its lowest cells' rows.
  std::vector<double> ghost_rows(const RankNetwork& network, const CellOrder& cells, PetscInt first) const {
    std::vector<double> offered(network.cut_out.size()), came(network.ghosts.size());
    for (std::size_t e = 0; e < offered.size(); ++e)
      offered[e] = static_cast<double>(first) + cells.last_row[network.cut_out[e]];
    BoundaryExchange<double>(comm, network).send_downstream(offered, came, 1);
    return came;
  }

  Mat make_matrix(const CellOrder& cells, PetscInt first, const std::vector<double>& ghost_row, bool diagonal) const {
    std::vector<PetscInt> row, column;
    for (PetscInt i = 0; i < rows; ++i) {
      if (diagonal) row.push_back(first + i), column.push_back(first + i);
      for (Index k = cells.upstream_start[i]; k < cells.upstream_start[i + 1]; ++k) {
        const Index u = cells.upstream[k];
        row.push_back(first + i);
        column.push_back(u >= 0 ? first + u : static_cast<PetscInt>(ghost_row[-1 - u]));
      }
    }
    Mat matrix = nullptr;
    petsc_check(MatCreate(comm.mpi(), &matrix), "MatCreate");
    petsc_check(MatSetSizes(matrix, rows, rows, PETSC_DETERMINE, PETSC_DETERMINE), "MatSetSizes");
    petsc_check(MatSetType(matrix, MATAIJ), "MatSetType");
    petsc_check(MatSetPreallocationCOO(matrix, static_cast<PetscCount>(row.size()), row.data(), column.data()),
                "MatSetPreallocationCOO");
    return matrix;
  }

  void set_up(const RankNetwork& network, const CellOrder& cells) {
    petsc_check(VecCreateMPIWithArray(comm.mpi(), 1, rows, PETSC_DETERMINE, nullptr, &in), "VecCreateMPIWithArray");
    petsc_check(VecDuplicate(in, &out), "VecDuplicate");
    PetscInt first = 0, end = 0;
    petsc_check(VecGetOwnershipRange(in, &first, &end), "VecGetOwnershipRange");
    const auto ghost_row = ghost_rows(network, cells, first);
    drains = make_matrix(cells, first, ghost_row, false);
    const std::vector<double> ones(cells.upstream.size(), 1.0);
    petsc_check(MatSetValuesCOO(drains, ones.data(), INSERT_VALUES), "MatSetValuesCOO");
    system = make_matrix(cells, first, ghost_row, true);
    entries.resize(cells.upstream.size() + rows);
    refresh();
    set_up_solver();
  }

  // The sub-solver of block Jacobi is PETSc's default, one ILU(0) in natural order: exact for a triangular block.
  void set_up_solver() {
    petsc_check(KSPCreate(comm.mpi(), &ksp), "KSPCreate");
    petsc_check(KSPSetType(ksp, KSPGMRES), "KSPSetType");
    petsc_check(KSPGMRESSetRestart(ksp, kRestart), "KSPGMRESSetRestart");
    petsc_check(KSPSetTolerances(ksp, kInnerTolerance, 0.0, PETSC_DEFAULT, kRestart), "KSPSetTolerances");
    petsc_check(KSPSetOperators(ksp, system, system), "KSPSetOperators");
    PC pc = nullptr;
    petsc_check(KSPGetPC(ksp, &pc), "KSPGetPC");
    petsc_check(PCSetType(pc, PCBJACOBI), "PCSetType");
    petsc_check(KSPSetUp(ksp), "KSPSetUp");
  }

  void refresh() {
    std::size_t k = 0;
    for (Index i = 0; i < rows; ++i) {
      entries[k++] = 1;
      for (Index u = upstream_start[i]; u < upstream_start[i + 1]; ++u) entries[k++] = -c1[i];
    }
    petsc_check(MatSetValuesCOO(system, entries.data(), INSERT_VALUES), "MatSetValuesCOO");
  }

  void multiply(Mat matrix, bool transposed, std::span<const double> x, std::span<double> y) const {
    const Placed from(in, x), to(out, y);
    if (transposed)
      petsc_check(MatMultTranspose(matrix, in, out), "MatMultTranspose");
    else
      petsc_check(MatMult(matrix, in, out), "MatMult");
  }

  // correction = about A^-1 residual.
  void correct(bool transposed) {
    const Placed from(in, residual), to(out, correction);
    if (transposed)
      petsc_check(KSPSolveTranspose(ksp, in, out), "KSPSolveTranspose");
    else
      petsc_check(KSPSolve(ksp, in, out), "KSPSolve");
    KSPConvergedReason reason = KSP_CONVERGED_ITERATING;
    petsc_check(KSPGetConvergedReason(ksp, &reason), "KSPGetConvergedReason");
    PetscInt count = 0;
    petsc_check(KSPGetIterationNumber(ksp, &count), "KSPGetIterationNumber");
    iterations += count;
    if (reason < 0 && reason != KSP_DIVERGED_ITS) fail("GMRES stopped with {}", KSPConvergedReasons[reason]);
  }

  // residual = b - A x; returns this rank's largest residual of a row over the size of its terms.
  double measure(bool transposed, std::span<const double> b, std::span<const double> x) {
    multiply(system, transposed, x, product);
    for (Index i = 0; i < rows; ++i) work[i] = std::abs(transposed ? c1[i] * x[i] : x[i]);
    multiply(drains, transposed, work, size);
    double largest = 0;
    for (Index i = 0; i < rows; ++i) {
      residual[i] = b[i] - product[i];
      const double terms = std::abs(b[i]) + std::abs(x[i]) + (transposed ? size[i] : std::abs(c1[i]) * size[i]);
      if (residual[i] != 0) largest = std::max(largest, std::abs(residual[i]) / terms);
      if (!std::isfinite(residual[i])) largest = std::numeric_limits<double>::infinity();
    }
    return largest;
  }

  void solve(bool transposed, std::span<const double> b, std::span<double> x, const char* phase, Count step) {
    double worst = 0, before = std::numeric_limits<double>::infinity();
    std::fill(x.begin(), x.end(), 0.0);
    std::copy(b.begin(), b.end(), residual.begin());
    for (int k = 0; k < kRefinements; ++k) {
      together(comm, [&] {
        if (k == 0) refresh();
        correct(transposed);
        for (Index i = 0; i < rows; ++i) x[i] += correction[i];
        worst = measure(transposed, b, x);
      });
      worst = comm.max(worst);
      if (worst <= kRounding || !std::isfinite(worst) || (worst < kAccepted && worst > before / 2)) break;
      before = worst;
    }
    if (!(worst <= kAccepted))
      fail(
          "routing system: the {} solution of step {} is not found: after {} iterations in all a row's residual is {:.1e} "
          "of its terms, allowed is {:.0e}; use routing.solver: pipeline, which solves the step exactly",
          phase, step, iterations, worst, kAccepted);
  }
};

RiverMatrix::RiverMatrix(const Communicator& comm, const RankNetwork& network, const CellOrder& cells)
    : impl_(std::make_unique<Impl>(comm, cells)) {
  const auto all = comm.sum(std::int64_t{cells.rows()});
  if (all > std::numeric_limits<PetscInt>::max())
    fail("routing system: {} sub-reaches, this PETSc counts to {}; use routing.solver: pipeline or split fewer reaches", all,
         std::numeric_limits<PetscInt>::max());
  together(comm, [&] { impl_->set_up(network, cells); });
}

RiverMatrix::~RiverMatrix() = default;

void RiverMatrix::set_weights(std::span<const double> c1) {
  impl_->c1.assign(c1.begin(), c1.end());
}

void RiverMatrix::solve(std::span<const double> b, std::span<double> x, const char* phase, Count step) {
  impl_->solve(false, b, x, phase, step);
}

void RiverMatrix::solve_transposed(std::span<const double> b, std::span<double> x, const char* phase, Count step) {
  impl_->solve(true, b, x, phase, step);
}

void RiverMatrix::from_upstream(std::span<const double> x, std::span<double> out) const {
  impl_->multiply(impl_->drains, false, x, out);
}

void RiverMatrix::to_upstream(std::span<const double> x, std::span<double> out) const {
  impl_->multiply(impl_->drains, true, x, out);
}

Count RiverMatrix::iterations() const { return impl_->iterations; }

RiverMatrixCounts RiverMatrix::counts() const {
  RiverMatrixCounts c;
  PetscInt first = 0, end = 0, entries = 0;
  petsc_check(MatGetOwnershipRange(impl_->system, &first, &end), "MatGetOwnershipRange");
  petsc_check(VecGetLocalSize(impl_->in, &entries), "VecGetLocalSize");
  c.first_row = first;
  c.rows = end - first;
  c.vector_entries = entries;
  if (impl_->comm.size() > 1) {
    Mat off_rank = nullptr;
    petsc_check(MatMPIAIJGetSeqAIJ(impl_->system, nullptr, &off_rank, nullptr), "MatMPIAIJGetSeqAIJ");
    petsc_check(MatGetSize(off_rank, nullptr, &entries), "MatGetSize");
    c.ghosts = entries;
  }
  MatInfo info;
  petsc_check(MatGetInfo(impl_->system, MAT_LOCAL, &info), "MatGetInfo");
  c.entries = static_cast<Count>(info.nz_used);
  return c;
}

}  // namespace dpl
