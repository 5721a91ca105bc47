// Reductions through MPI_Iallreduce.
#include <mpi.h>

#include <algorithm>
#include <vector>

#include "dpl/base/error.hpp"
#include "dpl/parallel/communicator.hpp"
#include "dpl/parallel/exchange.hpp"
#include "dpl/parallel/mpi_call.hpp"

namespace dpl {
namespace {

constexpr std::size_t kPart = std::size_t{1} << 28;  // MPI counts are int

class MpiPending final : public Exchange::Pending {
 public:
  template <class T>
  MpiPending(MPI_Comm comm, std::span<T> values, MPI_Datatype type, MPI_Op op) {
    for (std::size_t begin = 0; begin < values.size(); begin += kPart) {
      const auto part = values.subspan(begin, std::min(kPart, values.size() - begin));
      mpi_check(MPI_Iallreduce(MPI_IN_PLACE, part.data(), static_cast<int>(part.size()), type, op, comm,
                               &requests_.emplace_back(MPI_REQUEST_NULL)),
                "MPI_Iallreduce");
    }
  }
  void wait() override {
    mpi_check(MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
  }

 private:
  std::vector<MPI_Request> requests_;
};

class MpiExchange final : public Exchange {
 public:
  explicit MpiExchange(const Communicator& comm) : comm_(comm) {}
  std::string name() const override { return "MPI"; }
  std::unique_ptr<Pending> begin_max(std::span<double> values) override {
    return std::make_unique<MpiPending>(comm_.mpi(), values, MPI_DOUBLE, MPI_MAX);
  }
  std::unique_ptr<Pending> begin_sum(std::span<std::int64_t> values) override {
    return std::make_unique<MpiPending>(comm_.mpi(), values, MPI_INT64_T, MPI_SUM);
  }
  std::shared_ptr<Exchange> of_part(const Communicator&) const override { return nullptr; }

 private:
  Communicator comm_;  // kept alive where split made it
};

}  // namespace

std::shared_ptr<Exchange> make_mpi_exchange(const Communicator& comm) { return std::make_shared<MpiExchange>(comm); }

#ifndef DPL_CUDA
std::shared_ptr<Exchange> make_nccl_exchange(const Communicator&) {
  throw AgreedError("NCCL: this program was built without CUDA; use device: cpu or the preset cuda");
}
#endif

}  // namespace dpl
