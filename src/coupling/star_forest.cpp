// PetscSF with one contiguous MPI datatype a row width.
#include "dpl/coupling/star_forest.hpp"

#include <petscsf.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <type_traits>
#include <utility>

#include "dpl/base/error.hpp"
#include "dpl/coupling/petsc_call.hpp"
#include "dpl/parallel/mpi_call.hpp"

namespace dpl {
namespace {

// PETSc keeps send and receive buffers for every datatype it has seen until the star forest is destroyed.
constexpr std::size_t kMaxWidths = 8;

void check_leaves(const Communicator& comm, Index roots, const std::vector<RootPlace>& leaves) {
  std::vector<std::int64_t> rows(comm.size(), 0);
  rows[comm.rank()] = roots;
  comm.sum(rows);
  agree(comm, "star forest", [&] {
    for (const RootPlace& place : leaves)
      if (place.rank < 0 || place.rank >= comm.size() || place.row < 0 || place.row >= rows[place.rank])
        fail("star forest: a leaf on rank {} names row {} of rank {}, which does not exist", comm.rank(), place.row,
             place.rank);
  });
}

std::vector<RankRows> by_rank(PetscInt ranks, const PetscMPIInt* rank, const PetscInt* offset, const PetscInt* row) {
  std::vector<RankRows> all;
  for (PetscInt r = 0; r < ranks; ++r)
    if (offset[r + 1] > offset[r]) all.push_back({rank[r], {row + offset[r], row + offset[r + 1]}});
  return all;
}

}  // namespace

struct StarForest::Impl {
  Communicator comm;
  Index root_count = 0;
  Count all_leaves = 0;
  Index largest = 0;
  std::vector<PetscSFNode> remote;
  PetscSF forest = nullptr;
  std::map<std::pair<bool, Index>, MPI_Datatype> row_types;  // (double, width)

  Impl(const Communicator& communicator, Index roots, const std::vector<RootPlace>& leaves)
      : comm(communicator), root_count(roots) {
    check_leaves(comm, roots, leaves);
    remote.resize(leaves.size());
    for (std::size_t leaf = 0; leaf < leaves.size(); ++leaf) {
      remote[leaf].rank = leaves[leaf].rank;
      remote[leaf].index = leaves[leaf].row;
    }
    all_leaves = comm.sum(static_cast<std::int64_t>(leaves.size()));
    const auto here = std::max<std::int64_t>(roots, static_cast<std::int64_t>(leaves.size()));
    largest = static_cast<Index>(comm.max(here));
    set_up();
  }

  // Each leaf writes its name into its root and reads it back: where two leaves share a root, one reads the other's.
  void refuse_shared_roots() {
    std::vector<double> names(remote.size()), held(root_count, 0), read(remote.size());
    for (std::size_t leaf = 0; leaf < names.size(); ++leaf)
      names[leaf] = std::ldexp(comm.rank(), 32) + static_cast<double>(leaf);
    const MPI_Datatype row = row_type<double>(1);
    petsc_check(PetscSFReduceBegin(forest, row, names.data(), held.data(), MPI_REPLACE), "PetscSFReduceBegin");
    petsc_check(PetscSFReduceEnd(forest, row, names.data(), held.data(), MPI_REPLACE), "PetscSFReduceEnd");
    petsc_check(PetscSFBcastBegin(forest, row, held.data(), read.data(), MPI_REPLACE), "PetscSFBcastBegin");
    petsc_check(PetscSFBcastEnd(forest, row, held.data(), read.data(), MPI_REPLACE), "PetscSFBcastEnd");
    agree(comm, "star forest", [&] {
      for (std::size_t leaf = 0; leaf < names.size(); ++leaf)
        if (read[leaf] != names[leaf])
          fail("star forest: row {} of rank {} is linked to two leaves", remote[leaf].index, remote[leaf].rank);
    });
  }

  ~Impl() { destroy(); }

  void set_up() {
    petsc_check(PetscSFCreate(comm.mpi(), &forest), "PetscSFCreate");
    petsc_check(PetscSFSetGraph(forest, root_count, static_cast<PetscInt>(remote.size()), nullptr, PETSC_COPY_VALUES,
                                remote.data(), PETSC_COPY_VALUES),
                "PetscSFSetGraph");
    petsc_check(PetscSFSetUp(forest), "PetscSFSetUp");
  }

  void destroy() {
    PetscBool finalized = PETSC_FALSE;
    if (PetscFinalized(&finalized) == 0 && !finalized) static_cast<void>(PetscSFDestroy(&forest));
    for (auto& [key, type] : row_types) MPI_Type_free(&type);
    row_types.clear();
  }

  template <class Real>
  MPI_Datatype row_type(Index width) {
    static_assert(std::is_same_v<Real, float> || std::is_same_v<Real, double>);
    const std::pair key{std::is_same_v<Real, double>, width};
    if (const auto found = row_types.find(key); found != row_types.end()) return found->second;
    if (row_types.size() == kMaxWidths) {
      destroy();
      set_up();
    }
    MPI_Datatype type = MPI_DATATYPE_NULL;
    mpi_check(MPI_Type_contiguous(width, key.first ? MPI_DOUBLE : MPI_FLOAT, &type), "MPI_Type_contiguous");
    mpi_check(MPI_Type_commit(&type), "MPI_Type_commit");
    row_types.emplace(key, type);
    return type;
  }
};

StarForest::StarForest(const Communicator& comm, Index roots, const std::vector<RootPlace>& leaves)
    : impl_(std::make_unique<Impl>(comm, roots, leaves)) {
  impl_->refuse_shared_roots();
}

StarForest::~StarForest() = default;

template <class Real>
void StarForest::begin_to_leaves(const Real* roots, Real* leaves, Index width) {
  if (width == 0) return;
  const MPI_Datatype row = impl_->row_type<Real>(width);
  petsc_check(PetscSFBcastBegin(impl_->forest, row, roots, leaves, MPI_REPLACE), "PetscSFBcastBegin");
}

template <class Real>
void StarForest::end_to_leaves(const Real* roots, Real* leaves, Index width) {
  if (width == 0) return;
  const MPI_Datatype row = impl_->row_type<Real>(width);
  petsc_check(PetscSFBcastEnd(impl_->forest, row, roots, leaves, MPI_REPLACE), "PetscSFBcastEnd");
}

template <class Real>
void StarForest::begin_to_roots(const Real* leaves, Real* roots, Index width) {
  if (width == 0) return;
  const MPI_Datatype row = impl_->row_type<Real>(width);
  petsc_check(PetscSFReduceBegin(impl_->forest, row, leaves, roots, MPI_REPLACE), "PetscSFReduceBegin");
}

template <class Real>
void StarForest::end_to_roots(const Real* leaves, Real* roots, Index width) {
  if (width == 0) return;
  const MPI_Datatype row = impl_->row_type<Real>(width);
  petsc_check(PetscSFReduceEnd(impl_->forest, row, leaves, roots, MPI_REPLACE), "PetscSFReduceEnd");
}

std::vector<RankRows> StarForest::linked_roots() const {
  PetscInt ranks = 0;
  const PetscMPIInt* rank = nullptr;
  const PetscInt *offset = nullptr, *row = nullptr;
  petsc_check(PetscSFGetLeafRanks(impl_->forest, &ranks, &rank, &offset, &row), "PetscSFGetLeafRanks");
  return by_rank(ranks, rank, offset, row);
}

std::vector<RankRows> StarForest::linked_leaves() const {
  PetscInt ranks = 0;
  const PetscMPIInt* rank = nullptr;
  const PetscInt *offset = nullptr, *mine = nullptr, *remote = nullptr;
  petsc_check(PetscSFGetRootRanks(impl_->forest, &ranks, &rank, &offset, &mine, &remote), "PetscSFGetRootRanks");
  return by_rank(ranks, rank, offset, mine);
}

Index StarForest::roots() const { return impl_->root_count; }
Index StarForest::leaves() const { return static_cast<Index>(impl_->remote.size()); }
Count StarForest::all_leaves() const { return impl_->all_leaves; }
Index StarForest::largest() const { return impl_->largest; }

template void StarForest::begin_to_leaves(const float*, float*, Index);
template void StarForest::begin_to_leaves(const double*, double*, Index);
template void StarForest::begin_to_roots(const float*, float*, Index);
template void StarForest::begin_to_roots(const double*, double*, Index);
template void StarForest::end_to_leaves(const float*, float*, Index);
template void StarForest::end_to_leaves(const double*, double*, Index);
template void StarForest::end_to_roots(const float*, float*, Index);
template void StarForest::end_to_roots(const double*, double*, Index);

}  // namespace dpl
