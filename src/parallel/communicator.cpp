// The MPI calls of the program, each checked, and `agree`.
#include "dpl/parallel/communicator.hpp"

#include <algorithm>
#include <exception>
#include <limits>

#include "dpl/base/error.hpp"
#include "dpl/parallel/mpi_call.hpp"

namespace dpl {

void mpi_check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  fail("MPI: {} failed: {}", call, std::string(text, length));
}

namespace {

// MPI counts are int: long arrays go in parts of this many elements.
constexpr std::size_t kPart = std::size_t{1} << 28;

template <class T>
void all_reduce(MPI_Comm comm, std::span<T> values, MPI_Datatype type, MPI_Op op) {
  for (std::size_t begin = 0; begin < values.size(); begin += kPart) {
    const auto part = values.subspan(begin, std::min(kPart, values.size() - begin));
    mpi_check(MPI_Allreduce(MPI_IN_PLACE, part.data(), static_cast<int>(part.size()), type, op, comm), "MPI_Allreduce");
  }
}

template <class T>
void broadcast_parts(MPI_Comm comm, std::span<T> values, MPI_Datatype type, int root) {
  for (std::size_t begin = 0; begin < values.size(); begin += kPart) {
    const auto part = values.subspan(begin, std::min(kPart, values.size() - begin));
    mpi_check(MPI_Bcast(part.data(), static_cast<int>(part.size()), type, root, comm), "MPI_Bcast");
  }
}

}  // namespace

MpiSession::MpiSession(int* argc, char*** argv) {
  int provided = 0;
  mpi_check(MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  if (provided < MPI_THREAD_FUNNELED)
    fail("MPI: this library allows no threads; load an MPI built with thread support");
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
}

MpiSession::~MpiSession() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (!finalized) MPI_Finalize();
}

bool on_main_thread() {
  int is_main = 0;
  mpi_check(MPI_Is_thread_main(&is_main), "MPI_Is_thread_main");
  return is_main != 0;
}

Communicator::Communicator(MPI_Comm comm) : comm_(comm) {
  mpi_check(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  mpi_check(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
  mpi_check(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
}

Communicator Communicator::split(int color) const {
  MPI_Comm comm = MPI_COMM_NULL;
  mpi_check(MPI_Comm_split(comm_, color, rank_, &comm), "MPI_Comm_split");
  return part(comm);
}

Communicator Communicator::of_node() const {
  MPI_Comm comm = MPI_COMM_NULL;
  mpi_check(MPI_Comm_split_type(comm_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &comm), "MPI_Comm_split_type");
  return part(comm);
}

Communicator Communicator::part(MPI_Comm part) const {
  Communicator result(part);
  result.owned_ = std::shared_ptr<void>(nullptr, [part](void*) mutable {
    // Freeing is collective. On the way of an exception the other ranks may be elsewhere; the process ends then anyway.
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (!finalized && std::uncaught_exceptions() == 0) MPI_Comm_free(&part);
  });
  return result;
}

void Communicator::move_messages() const {
  int found = 0;
  mpi_check(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm_, &found, MPI_STATUS_IGNORE), "MPI_Iprobe");
}

void Communicator::barrier() const { mpi_check(MPI_Barrier(comm_), "MPI_Barrier"); }

double Communicator::max(double value) const {
  max(std::span(&value, 1));
  return value;
}

std::int64_t Communicator::max(std::int64_t value) const {
  all_reduce(comm_, std::span(&value, 1), MPI_INT64_T, MPI_MAX);
  return value;
}

std::int64_t Communicator::sum(std::int64_t value) const {
  sum(std::span(&value, 1));
  return value;
}

void Communicator::max(std::span<double> values) const { all_reduce(comm_, values, MPI_DOUBLE, MPI_MAX); }

void Communicator::sum(std::span<std::int64_t> values) const { all_reduce(comm_, values, MPI_INT64_T, MPI_SUM); }

void Communicator::gather_owned(std::span<double> values) const {
  // As bit patterns: exact for every value, NaN and -0.0 included, because all other ranks hold the pattern of +0.0.
  if (size_ == 1) return;
  const std::span bits(reinterpret_cast<std::uint64_t*>(values.data()), values.size());
  all_reduce(comm_, bits, MPI_UINT64_T, MPI_BOR);
}

void Communicator::broadcast(std::span<double> values, int root) const {
  broadcast_parts(comm_, values, MPI_DOUBLE, root);
}

void Communicator::broadcast(std::span<std::int64_t> values, int root) const {
  broadcast_parts(comm_, values, MPI_INT64_T, root);
}

std::string Communicator::broadcast(std::string text, int root) const {
  std::int64_t size = static_cast<std::int64_t>(text.size());
  broadcast(std::span(&size, 1), root);
  text.resize(size);
  broadcast_parts(comm_, std::span(text.data(), text.size()), MPI_CHAR, root);
  return text;
}

bool Communicator::any(bool value) const { return max(std::int64_t{value}) != 0; }

bool Communicator::all_equal(std::uint64_t value) const {
  std::uint64_t and_or[2] = {value, ~value};
  all_reduce(comm_, std::span<std::uint64_t>(and_or), MPI_UINT64_T, MPI_BAND);
  return (and_or[0] | and_or[1]) == std::numeric_limits<std::uint64_t>::max();
}

void agree_on_failure(const Communicator& comm, bool failed, const std::string& message) {
  // Rank r counts r when it failed and `size` when not: the smallest is the lowest failing rank.
  const std::int64_t mine = failed ? comm.rank() : comm.size();
  const std::int64_t first = -comm.max(-mine);
  if (first == comm.size()) return;
  throw AgreedError(comm.broadcast(message, static_cast<int>(first)));
}

namespace {

void agree_where(const Communicator& comm, const char* phase, const std::function<void()>& body, bool here) {
  std::string message;
  bool failed = false;
  if (here) {
    try {
      body();
    } catch (const Error& error) {
      failed = true;
      message = error.what();
    } catch (const std::exception& error) {
      failed = true;
      message = std::string(phase) + ": " + error.what();
    } catch (...) {
      failed = true;
      message = std::string(phase) + ": unknown failure";
    }
  }
  agree_on_failure(comm, failed, message);
}

}  // namespace

void agree(const Communicator& comm, const char* phase, const std::function<void()>& body) {
  agree_where(comm, phase, body, true);
}

void agree_on_root(const Communicator& comm, const char* phase, const std::function<void()>& body) {
  agree_where(comm, phase, body, comm.is_root());
}

}  // namespace dpl
