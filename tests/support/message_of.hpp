// The words of the Error that a call ends with; empty where it ends with none.
#pragma once

#include <string>

#include "dpl/base/error.hpp"

namespace dpl {

template <class Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace dpl
